"""Count the faces in photos: python examples/stream.py HOST:PORT FOLDER"""

import asyncio
import sys
from pathlib import Path

from facewire_client import AsyncFaceClient


async def main(target: str, folder: str) -> None:
    """Send the photos of a folder in one stream, without waiting for each answer."""
    photos = sorted(Path(folder).glob("*.jpg"))
    async with AsyncFaceClient(target) as client:
        async for answer in client.detect_stream(photos):
            photo = photos[answer.frame_id]
            if answer.result is None:
                print(f"{photo.name}: {answer.error}")
            else:
                print(f"{photo.name}: {len(answer.result.faces)} faces")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
