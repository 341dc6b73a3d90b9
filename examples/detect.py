"""Print the faces in photos: python examples/detect.py HOST:PORT PHOTO..."""

import sys

from facewire_client import FaceClient, FaceClientError


def main(target: str, *photos: str) -> None:
    """Ask for one photo after the other, and continue after one that fails."""
    with FaceClient(target) as client:
        for photo in photos:
            try:
                result = client.detect(photo, min_confidence=0.5)
            except FaceClientError as error:
                print(f"{photo}: {error}")
                continue
            print(f"{photo}: {len(result.faces)} faces")
            for face in result.faces:
                left, top, right, bottom = face.box
                print(f"  {left:.0f},{top:.0f} to {right:.0f},{bottom:.0f}", end="")
                print(f"  {face.confidence:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
