"""Quantization of the rebuild to INT8 with NNCF, after training."""

from itertools import islice

from openvino import Model

from benchmarks.rebuild.views import views


def quantized(raw: Model, *, samples: int, seed: int) -> Model:
    """The raw network with 8-bit weights and activations; `raw` is left as it is.

    Ranges are taken from `samples` inputs. Biases are not corrected: it would take
    minutes, change nothing of what an inference costs, and mend no accuracy where
    weights are random. The tail is added afterwards, so that it stays as it is, and
    so that both forms hold the same weights. Raises SystemExit without NNCF.
    """
    try:
        import nncf
    except ImportError:
        raise SystemExit("quantizing needs NNCF: pip install 'facewire[quantize]'") from None
    side = raw.inputs[0].shape[3]
    return nncf.quantize(
        raw,
        nncf.Dataset(list(islice(views(side, seed), samples))),
        subset_size=samples,
        advanced_parameters=nncf.AdvancedQuantizationParameters(disable_bias_correction=True),
    )
