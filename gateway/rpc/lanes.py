"""LaneService: what reputation has learned, for operators. Reads only."""

from typing import Any, cast

from hongyan.v1 import lanes_pb2 as pb
from hongyan.v1 import lanes_pb2_grpc

from actors.model.lanes import NO_QUOTA, LaneLimits
from actors.reputation.journal import to_json
from actors.reputation.lanes import Decision
from gateway.rpc.backend import Backend, patiently
from gateway.rpc.guard import Context
from gateway.rpc.translate import timestamp

DECISIONS, MAX_DECISIONS = 100, 1_000  # about 300 octets each


class LaneService(lanes_pb2_grpc.LaneServiceServicer):  # type: ignore[misc]
    """The RPC handlers; lanes.proto says what each does."""

    def __init__(self, backend: Backend):
        self._reputation = backend.reputation

    async def List(self, request: Any, context: Context) -> pb.LaneServiceListResponse:
        """One look at reputation."""
        found = await patiently(lambda: self._reputation.lanes(request.site, request.egress))
        return pb.LaneServiceListResponse(lanes=[_lane(lane) for lane in found])

    async def Decisions(self, request: Any, context: Context) -> pb.DecisionsResponse:
        """The newest, oldest first."""
        limit = min(max(request.limit, 0) or DECISIONS, MAX_DECISIONS)
        found = await patiently(lambda: self._reputation.decisions(request.site, request.egress, limit))
        return pb.DecisionsResponse(
            decisions=[
                pb.Decision(
                    data=to_json(cast(Decision, d)) if request.whole else "",
                    at=timestamp(d.at),
                    egress=d.egress,
                    site=d.site,
                    rule=d.rule,
                    why=d.why,
                    old=_limits(d.old),
                    new=_limits(d.new),
                )
                for d in found
            ]
        )

    async def Replies(self, request: Any, context: Context) -> pb.RepliesResponse:
        """One look at what reputation has learned of unknown replies."""
        found = await patiently(lambda: self._reputation.replies(request.site))
        return pb.RepliesResponse(replies=[_reply(one) for one in found])


def _lane(lane: dict[str, Any]) -> pb.Lane:
    limits: LaneLimits = lane["limits"]
    return pb.Lane(
        egress=lane["egress"],
        site=lane["site"],
        circuit=lane["circuit"],
        concurrency=limits.concurrency,
        rate=limits.rate,
        messages_per_connection=limits.messages_per_connection,
        closed_until=timestamp(limits.closed_until),
        quota=None if limits.quota == NO_QUOTA else limits.quota,
        flow=lane["flow"],
        refused=lane["recent_bad"] / lane["recent"] if lane["recent"] > 0 else 0.0,
        why=limits.why,
        last_reply=lane["last_reply"],
        at=timestamp(lane["at"]),
    )


def _reply(one: dict[str, Any]) -> pb.UnknownReply:
    of = one["of"] if one["blame"] == "egress" else ""
    return pb.UnknownReply(**(one | {"jobs": len(one["jobs"]), "of": of, "seen": timestamp(one["seen"])}))


def _limits(limits: LaneLimits) -> pb.Limits:
    return pb.Limits(
        concurrency=limits.concurrency, rate=limits.rate, closed_until=timestamp(limits.closed_until), probe=limits.probe
    )
