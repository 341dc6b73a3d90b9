"""The photos of a soak: each can be told from the others by its answer."""

from benchmarks.soak.photos import photos


def test_no_two_photos_are_of_one_size() -> None:
    taken = photos()
    assert len({(photo.width, photo.height) for photo in taken}) == len(taken)
    assert {len(photo.faces) for photo in taken} == set(range(7))


def test_only_the_photo_s_own_answer_is_right() -> None:
    taken = photos()
    for photo in taken:
        size = (photo.width, photo.height)
        assert photo.mistake(size, photo.faces) == ""
        for other in taken:
            if other is not photo:
                assert photo.mistake((other.width, other.height), other.faces)
        if photo.faces:
            assert photo.mistake(size, photo.faces[1:])
            assert photo.mistake(size, [*photo.faces[1:], (0, 0, 9, 9)])
            assert photo.mistake(size, [*photo.faces, photo.faces[0]])


def test_boxes_that_were_seen_without_traffic_are_held_to_more_than_places() -> None:
    photo = photos()[1]
    (face,) = photo.faces
    size = (photo.width, photo.height)
    moved = (face[0] + 0.15 * (face[2] - face[0]), *face[1:])
    assert photo.mistake(size, [moved]) == ""
    shifted = tuple(side + 0.15 * (face[2] - face[0]) for side in face)
    confirmed = photo.confirmed(size, [face])
    assert confirmed.mistake(size, [face]) == ""
    assert confirmed.mistake(size, [(shifted[0], shifted[1], shifted[2], shifted[3])])
