import struct
from pathlib import Path

import numpy as np
import pytest
from philips_files import counts, lzw_codes, packed, stored_limb_leads, xli

from cardiolens.errors import BadRecording
from cardiolens.formats.philips.xli import decompress, limb_leads

PATH = Path("ecg.xml")


def _noise(spread: int, num_samples: int = 2000) -> np.ndarray:
    return np.random.default_rng(spread).integers(-spread, spread, num_samples)


@pytest.mark.parametrize(
    "channel",
    [
        np.zeros(5500, int),
        np.arange(3),
        np.array([5, -5, 5, -5]),
        _noise(3),
        _noise(300),
        # Bends that no 16-bit word holds run over, and must come back.
        _noise(32767),
    ],
    ids=["flat: runs of runs", "the shortest", "four samples", "small noise", "a full table", "the whole range"],
)
def test_a_channel_is_unpacked_to_the_last_bit(channel):
    np.testing.assert_array_equal(decompress(PATH, packed(channel), 1, len(channel)), [channel])


def test_the_table_of_the_noise_is_full_before_its_end():
    channel = _noise(300)
    codes = lzw_codes(np.concatenate([channel >> 8, channel & 255]).astype(np.uint8).tobytes())
    assert len(codes) > 2 * (1023 - 256)


def test_channels_follow_each_other_and_empty_ones_behind_them_are_not_read():
    signal = counts(300)
    stored = decompress(PATH, xli(signal, num_empty=4), 12, 300)
    np.testing.assert_array_equal(stored[6:], signal[6:])
    np.testing.assert_array_equal(stored[:6], stored_limb_leads(signal[:6]))


def test_limb_leads_come_back_from_what_they_differ_by():
    limb = counts(300)[:6].astype(np.int32)
    np.testing.assert_array_equal(limb_leads(stored_limb_leads(limb).astype(np.int32)), limb)


def test_without_differences_limb_leads_obey_einthoven_with_halves_cut_off_towards_zero():
    stored = np.zeros((6, 2), np.int32)
    stored[0], stored[1] = [-3, 3], [0, 0]
    np.testing.assert_array_equal(limb_leads(stored), [[-3, 3], [0, 0], [3, -3], [1, -1], [-3, 3], [1, -1]])


def _codes(*values: int) -> bytes:
    bits = "".join(f"{value:010b}" for value in values)
    bits += "0" * (-len(bits) % 8)
    content = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return struct.pack("<ihh", len(content), 1, 0) + content


WHOLE = packed(np.arange(100))


@pytest.mark.parametrize(
    ("compressed", "found"),
    [
        (b"", "channel 1 of 2 cut off"),
        (WHOLE[:7], "channel 1 of 2 cut off"),
        (WHOLE, "channel 2 of 2 cut off"),
        (WHOLE + WHOLE[:-1], "channel 2 of 2 cut off"),
        (struct.pack("<ihh", -5, 1, 0) + WHOLE, "channel 1 of 2 cut off"),
        (struct.pack("<ihh", 0, 1, 0) + WHOLE, "channel 1 of 2 cut off"),
        (struct.pack("<ihh", 2**31 - 1, 1, 0) + WHOLE, "channel 1 of 2 cut off"),
        (packed(np.arange(99)) * 2, "channel 1 that does not unpack to 100 samples"),
        (packed(np.arange(101)) * 2, "channel 1 that does not unpack to 100 samples"),
        (_codes(900), "channel 1 that does not unpack to 100 samples"),
        (_codes(65, 258, 1023), "channel 1 that does not unpack to 100 samples"),
        (_codes(1023), "channel 1 that does not unpack to 100 samples"),
    ],
)
def test_a_damaged_channel_is_refused(compressed, found):
    with pytest.raises(BadRecording) as refusal:
        decompress(PATH, compressed, 2, 100)
    assert str(refusal.value).startswith(f"ecg.xml: found {found}; expected the whole waveform")


def test_a_bomb_is_not_unpacked_beyond_what_was_declared():
    run = [0, *range(256, 1023)]
    # 400 MB from 70 kB, were it followed to its end.
    bomb = _codes(*run, *[1022] * 55_000)
    with pytest.raises(BadRecording, match="does not unpack to 1000 samples"):
        decompress(PATH, bomb, 1, 1000)
