"""Decodes one frame with pydicom, as an independent reference for the host decoder.

usage: decode_pixels.py FILE FRAME OUT [rgb]     (FRAME is 0-based; rgb: palettes applied, 8 bits kept)
       decode_pixels.py --capabilities

Writes the samples, interleaved by pixel, little-endian, to OUT and prints one JSON line:
{"dtype": "uint16", "shape": [rows, columns, samples], "photometric": "RGB", "reader": "pydicom 3.0.2"}
or {"error": "..."} when pydicom has no decoder or refuses. Nothing of the patient is read or printed.
"""

import json
import sys
import warnings

warnings.simplefilter("ignore")


def capabilities():
    found = {}
    for name in ("numpy", "pydicom", "gdcm", "pylibjpeg", "openjpeg", "libjpeg", "rle", "jpeg_ls", "imagecodecs"):
        try:
            found[name] = getattr(__import__(name), "__version__", "there")
        except Exception:
            pass
    return found


def decode(path, index, rgb):
    import numpy
    import pydicom

    # pydicom 3 decodes one frame at a time; pydicom 2 only the whole element
    if int(pydicom.__version__.split(".")[0]) >= 3:
        from pydicom.pixels import pixel_array

        # raw: no colour conversion, so that what is compared is the decoder
        dataset = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
            dataset.file_meta = pydicom.dataset.FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        frame = pixel_array(dataset, index=index, raw=False)
        photometric = dataset.PhotometricInterpretation
        if dataset.SamplesPerPixel == 3:
            photometric = "RGB"
    else:
        dataset = pydicom.dcmread(path, force=True)
        frames = dataset.pixel_array
        frame = frames[index] if int(dataset.get("NumberOfFrames", 1) or 1) > 1 else frames
        photometric = dataset.PhotometricInterpretation
        if photometric in ("YBR_FULL", "YBR_FULL_422") and dataset.file_meta.TransferSyntaxUID.is_compressed is False:
            frame = pydicom.pixel_data_handlers.util.convert_color_space(frame, photometric, "RGB")
            photometric = "RGB"
    if rgb and photometric == "PALETTE COLOR":
        try:
            from pydicom.pixels import apply_color_lut
        except ImportError:
            from pydicom.pixel_data_handlers.util import apply_color_lut
        frame = apply_color_lut(frame, dataset)
        photometric = "RGB"
        if frame.dtype.itemsize == 2:
            frame = (frame >> 8).astype("uint8")
    if frame.ndim == 2:
        frame = frame.reshape(frame.shape + (1,))
    frame = numpy.ascontiguousarray(frame)
    if frame.dtype.byteorder == ">" or (frame.dtype.byteorder == "=" and sys.byteorder == "big"):
        frame = frame.astype(frame.dtype.newbyteorder("<"))
    return frame, photometric, "pydicom " + pydicom.__version__


def main():
    if sys.argv[1:] == ["--capabilities"]:
        print(json.dumps(capabilities()))
        return
    path, index, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    try:
        frame, photometric, reader = decode(path, index, sys.argv[4:] == ["rgb"])
    except Exception as error:  # the caller names the file and counts this as "no reference"
        print(json.dumps({"error": type(error).__name__ + ": " + str(error)[:300]}))
        return
    with open(out, "wb") as handle:
        handle.write(frame.tobytes())
    print(
        json.dumps(
            {"dtype": frame.dtype.name, "shape": list(frame.shape), "photometric": photometric, "reader": reader}
        )
    )


main()
