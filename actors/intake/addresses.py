"""The address check over columns: millions of rows by kernels, the odd ones by `mailbox.check_mailbox`.

The fast path takes plain dot-atoms at letter-digit-hyphen domains, for which `check_mailbox` gives the same answer (a
test holds that); everything else goes row by row. Domains are judged once a distinct value.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actors.model.mailbox import ATEXT, MAX_ADDRESS_OCTETS, MAX_LOCAL_OCTETS, check_domain, check_mailbox

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = rf"^[{ATEXT}]+(?:\.[{ATEXT}]+)*@(?:{_LABEL}\.)+{_LABEL}$"
_RESERVED_LABEL = r"(?:^|\.)..--"
_NUMERIC_TOP = r"\.[0-9]+$"


@dataclass(frozen=True, slots=True)
class Checked:
    """Three parallel text columns: address and domain are null where `reason` is not."""

    address: pa.StringArray
    domain: pa.StringArray
    reason: pa.StringArray


def check_addresses(column: pa.StringArray) -> Checked:
    """Decides every row; null and blank rows are refused too."""
    text = pc.ascii_trim(column, " ")
    plain = pc.fill_null(pc.match_substring_regex(text, _PLAIN), False)
    plain = pc.and_(plain, pc.fill_null(pc.less_equal(pc.binary_length(text), MAX_ADDRESS_OCTETS), False))
    if not pc.all(plain, min_count=0).as_py():
        return _mixed(text, plain)
    address, domain, good = _split_plain(text)
    if good is None:
        return Checked(address, domain, pa.nulls(len(text), pa.string()))
    return _mixed(text, pa.array(good))


def _split_plain(text: pa.StringArray) -> tuple[pa.StringArray, pa.StringArray, np.ndarray | None]:
    """Address and domain of rows that match `_PLAIN`; a mask of the good ones where a length or a label needs a closer look."""
    parts = pc.split_pattern(text, "@").flatten()
    at = np.arange(len(text), dtype=np.int64) * 2
    local, domain = parts.take(pa.array(at)), parts.take(pa.array(at + 1))
    lower = pc.ascii_lower(domain)
    address = text if lower.equals(domain) else pc.binary_join_element_wise(local, lower, "@")
    distinct = lower.dictionary_encode()
    names = distinct.dictionary
    odd = pc.or_(pc.match_substring_regex(names, _RESERVED_LABEL), pc.match_substring_regex(names, _NUMERIC_TOP))
    if pc.any(odd, min_count=0).as_py():
        held = np.array([not o or not check_domain(n)[1] for n, o in zip(names.to_pylist(), odd.to_pylist(), strict=True)])
        good = held[distinct.indices.to_numpy()]
    else:
        good = np.ones(len(text), bool)
    good &= pc.less_equal(pc.binary_length(local), MAX_LOCAL_OCTETS).to_numpy(zero_copy_only=False)
    return address, lower, None if good.all() else good


def _mixed(text: pa.StringArray, plain: pa.BooleanArray) -> Checked:
    """Fast rows by kernels, the others one by one, put back in order."""
    mask = plain.to_numpy(zero_copy_only=False)
    fast = np.flatnonzero(mask)
    slow = np.flatnonzero(~mask)
    address, domain, good = _split_plain(text.take(pa.array(fast)))
    if good is not None:
        slow = np.sort(np.concatenate([slow, fast[~good]]))
        keep = pa.array(good)
        address, domain, fast = address.filter(keep), domain.filter(keep), fast[good]
    judged = [check_mailbox(t or "") for t in text.take(pa.array(slow)).to_pylist()]
    back = np.empty(len(text), np.int64)
    back[fast] = np.arange(len(fast))
    back[slow] = np.arange(len(slow)) + len(fast)
    order = pa.array(back)

    def merge(quick: pa.StringArray, odd: list[str]) -> pa.StringArray:
        return pa.concat_arrays([quick, pa.array([o or None for o in odd], pa.string())]).take(order)

    return Checked(
        merge(address, [m.address for m in judged]),
        merge(domain, [m.domain for m in judged]),
        merge(pa.nulls(len(fast), pa.string()), [m.reason for m in judged]),
    )
