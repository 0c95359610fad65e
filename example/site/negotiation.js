// Connections whose two ends do not both make the first offer.
//
// When two people meet, both SDKs offer at once.  That is sound by the rules
// of perfect negotiation: the polite side takes its offer back and answers
// the other one.  But Chromium, when the offer is taken back in the moment
// in which it was made, sometimes gathers no ICE candidates afterwards, and
// the call stays at "connecting" for ever.  So the polite side, whose offer
// would be taken back anyway, first gives the other one time to offer.

// How long to wait for the offer of somebody who does not say whether it has
// anything to send; people on this page do say so, see offerNow().
const PATIENCE = 4000;

const waiting = new WeakMap();

// yields(pc): whether this end of the connection is the polite one and the
// other one will offer.  It is asked when there is something to negotiate,
// which is after the SDK has told the page about the connection.
export function patientConnection(config, yields) {
  const pc = new RTCPeerConnection(config);

  // Registered before the SDK's own listener, and so called before it.
  pc.addEventListener('negotiationneeded', (ev) => {
    if (waiting.get(pc) === 'over' || pc.remoteDescription !== null
        || !yields(pc))
    {
      return;
    }

    ev.stopImmediatePropagation();

    if (!waiting.has(pc)) {
      waiting.set(pc, setTimeout(() => offerNow(pc), PATIENCE));
    }
  });

  return pc;
}

// Ends the waiting of one connection: the other side turned out to have
// nothing to send, and will not offer.
export function offerNow(pc) {
  if (!waiting.has(pc) || waiting.get(pc) === 'over') {
    return;
  }

  clearTimeout(waiting.get(pc));
  waiting.set(pc, 'over');

  // An offer that arrived meanwhile was answered with our tracks in the
  // answer, and the browser asks again if anything is left.
  if (pc.signalingState === 'stable' && pc.remoteDescription === null) {
    pc.dispatchEvent(new Event('negotiationneeded'));
  }
}
