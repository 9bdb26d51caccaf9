"""Every text, date and UID of DICOM files, at any depth, one JSON object a line: what another reader sees."""
import json
import sys

import pydicom


def walk(path, dataset):
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                walk(path, item)
            continue
        values = element.value if element.VM > 1 else [element.value]
        if element.VR in ("OB", "OW", "OF", "OD", "OL", "OV", "US", "SS", "UL", "SL", "FL", "FD", "AT"):
            values = [""]
        for value in values:
            print(json.dumps({
                "file": path,
                "tag": str(element.tag),
                "vr": element.VR,
                "value": "" if value is None else str(value),
                "isPrivate": element.tag.is_private,
            }))


for path in sys.argv[1:]:
    walk(path, pydicom.dcmread(path))
