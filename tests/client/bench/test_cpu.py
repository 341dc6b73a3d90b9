"""CPU seconds of this process."""

from time import process_time

from facewire_client.bench.cpu import CpuMeter


def work() -> None:
    end = process_time() + 0.02
    while process_time() < end:
        pass


def test_it_counts_from_the_start_to_the_first_stop() -> None:
    meter = CpuMeter()
    work()
    meter.start()
    work()
    meter.stop()
    counted = meter.seconds
    work()
    meter.stop()
    assert 0.02 <= counted == meter.seconds


def test_without_a_start_it_counts_nothing() -> None:
    meter = CpuMeter()
    meter.stop()
    assert meter.seconds == 0
