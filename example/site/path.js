// How the media of one connection travels, read from its statistics.

function selectedPair(report) {
  for (const s of report.values()) {
    if (s.type === 'transport' && s.selectedCandidatePairId) {
      return report.get(s.selectedCandidatePairId);
    }
  }

  // Firefox has no selectedCandidatePairId, but marks the pair itself.
  for (const s of report.values()) {
    if (s.type === 'candidate-pair' && s.selected) {
      return s;
    }
  }

  return undefined;
}

// 'direct', 'relay', or null while nothing is chosen.  A path leads through
// the relay as soon as one of its ends is a relayed candidate; when only the
// other side uses its relay, we see it as a candidate of type relay too, or,
// when it was learned from traffic, as prflx.
export async function mediaPath(pc) {
  const report = await pc.getStats();
  const pair = selectedPair(report);

  if (!pair) {
    return null;
  }

  const ends = [pair.localCandidateId, pair.remoteCandidateId];

  return ends.some((id) => report.get(id)?.candidateType === 'relay')
    ? 'relay' : 'direct';
}

// The loudness of what a connection receives, 0 to 1.
export function loudness(pc) {
  let level = 0;

  for (const receiver of pc.getReceivers()) {
    if (receiver.track?.kind === 'audio') {
      for (const source of receiver.getSynchronizationSources()) {
        level = Math.max(level, source.audioLevel ?? 0);
      }
    }
  }

  return level;
}
