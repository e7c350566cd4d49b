"""Compiled loops of a recording: beats laid one after the other into a strip, and the amplifier's filters along it."""

from typing import no_type_check

from cardiolens.synthetic.compiled import compiled


@compiled
@no_type_check
def lay_beats(strip, step_ms, template, before_ms, fixed_ms, onset_ms, stretch):
    """Add `template` (lead, ms) at every onset; what comes after `fixed_ms` of it is stretched in time.

    `onset_ms` is where sample `before_ms` of the template falls.
    """
    num_leads, num_samples = strip.shape
    length = template.shape[1]
    for b in range(onset_ms.shape[0]):
        start = onset_ms[b] - before_ms
        total = fixed_ms + (length - 1 - fixed_ms) * stretch[b]
        first = max(int(start / step_ms) + 1, 0)
        last = min(int((start + total) / step_ms), num_samples - 1)
        for s in range(first, last + 1):
            t = s * step_ms - start
            if t > fixed_ms:
                t = fixed_ms + (t - fixed_ms) / stretch[b]
            k = int(t)
            if k < 0 or k >= length - 1:
                continue
            f = t - k
            for c in range(num_leads):
                strip[c, s] += (1 - f) * template[c, k] + f * template[c, k + 1]


@compiled
@no_type_check
def pass_high(strip, keep, level, forward):
    """First-order high-pass in place; `keep` is what is left of a step after one sample. Backwards if not `forward`.

    Starts as a machine that has settled on `level` (one per lead) before.
    """
    num_leads, num_samples = strip.shape
    first = 0 if forward else num_samples - 1
    step = 1 if forward else -1
    for c in range(num_leads):
        before, out = strip[c, first], strip[c, first] - level[c]
        for k in range(num_samples):
            s = first + step * k
            now = strip[c, s]
            out = keep * (out + now - before)
            before = now
            strip[c, s] = out


@compiled
@no_type_check
def pass_low(strip, gain, first_pole, second_pole):
    """Second-order low-pass in place: y = gain (x + 2 x' + x'') - first y' - second y'', at rest on the first sample."""
    num_leads, num_samples = strip.shape
    for c in range(num_leads):
        x1 = x2 = y1 = y2 = strip[c, 0]
        for s in range(num_samples):
            x = strip[c, s]
            y = gain * (x + 2.0 * x1 + x2) - first_pole * y1 - second_pole * y2
            x2, x1 = x1, x
            y2, y1 = y1, y
            strip[c, s] = y
