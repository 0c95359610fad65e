// Trying one relay: does it give out an address, and does data sent through
// that address arrive?  Both use nothing but the one URL that is asked about.

const GATHER_DEADLINE = 10000;
const DATA_DEADLINE = 15000;

function connectionVia(relay) {
  return new RTCPeerConnection({
    iceServers: [relay],
    iceTransportPolicy: 'relay',
  });
}

// Resolves to { candidate, error }: the first relayed candidate, or null and
// the last error that the browser reported, if it reported one.
export function gatherRelay(relay) {
  const pc = connectionVia(relay);
  let error = null;

  return new Promise((resolve) => {
    const done = (candidate) => {
      clearTimeout(timer);
      pc.close();
      resolve({ candidate, error });
    };
    const timer = setTimeout(() => done(null), GATHER_DEADLINE);

    pc.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.type === 'relay') {
        done(candidate);
      }
    });
    pc.addEventListener('icecandidateerror', (ev) => {
      // One network of the machine may fail where another one works; an
      // answer of the relay itself tells more than silence (701).
      if (error === null || ev.errorCode !== 701) {
        error = { errorCode: ev.errorCode, errorText: ev.errorText };
      }
    });
    pc.addEventListener('icegatheringstatechange', () => {
      if (pc.iceGatheringState === 'complete') {
        done(null);
      }
    });

    pc.createDataChannel('check');
    pc.setLocalDescription().catch(() => done(null));
  });
}

// Two connections of this page, each reachable through the relay only, and a
// message from one to the other.  Resolves to true if it arrives.
export async function sendThroughRelay(relay) {
  const a = connectionVia(relay);
  const b = connectionVia(relay);
  const channel = a.createDataChannel('check');
  let timer;

  for (const [from, to] of [[a, b], [b, a]]) {
    from.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate) {
        to.addIceCandidate(candidate).catch(() => {});
      }
    });
  }

  const arrived = new Promise((resolve) => {
    timer = setTimeout(() => resolve(false), DATA_DEADLINE);
    channel.addEventListener('open', () => channel.send('through'));
    b.addEventListener('datachannel', (ev) => {
      ev.channel.addEventListener('message',
                                  ({ data }) => resolve(data === 'through'));
    });
  });

  try {
    await a.setLocalDescription();
    await b.setRemoteDescription(a.localDescription);
    await b.setLocalDescription();
    await a.setRemoteDescription(b.localDescription);
    return await arrived;

  } finally {
    clearTimeout(timer);
    a.close();
    b.close();
  }
}
