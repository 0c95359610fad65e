// Which room this page is about: its name in the address, the channel behind
// it, and the link that brings other people in.

// Channels are named with this prefix, so that the `channels` pattern of the
// key can admit call rooms and nothing else: channels call-*;
const CHANNEL_PREFIX = 'call-';
const MAX_NAME = 64;

const ADJECTIVES = [
  'amber', 'brave', 'bright', 'calm', 'clear', 'coral', 'crisp', 'early',
  'fair', 'gentle', 'golden', 'green', 'happy', 'jolly', 'kind', 'light',
  'lucky', 'mellow', 'merry', 'mild', 'misty', 'quick', 'quiet', 'rosy',
  'silver', 'snowy', 'sunny', 'swift', 'tidy', 'velvet', 'warm', 'wide',
];
const NOUNS = [
  'badger', 'beach', 'birch', 'brook', 'canyon', 'cedar', 'comet', 'dune',
  'falcon', 'fern', 'forest', 'garden', 'harbor', 'heron', 'island', 'lagoon',
  'lake', 'lantern', 'maple', 'meadow', 'moon', 'orchard', 'otter', 'owl',
  'pine', 'prairie', 'river', 'robin', 'summit', 'tulip', 'valley', 'willow',
];

function pick(words) {
  const [n] = crypto.getRandomValues(new Uint32Array(1));

  return words[n % words.length];
}

// Two words say the name well over the phone; the digits keep strangers who
// draw the same words apart.
export function randomRoom() {
  const [n] = crypto.getRandomValues(new Uint32Array(1));

  return `${pick(ADJECTIVES)}-${pick(NOUNS)}-${100 + (n % 900)}`;
}

// Letters and digits of any script, everything else becomes a dash.  The
// result is a valid channel name and reads well in a link.
export function cleanRoom(text) {
  const name = text
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '-')
    .replace(/^-+/, '');

  return Array.from(name).slice(0, MAX_NAME).join('').replace(/-+$/, '');
}

export function channelOf(room) {
  return CHANNEL_PREFIX + room;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// The room that the address names, '' if it names none.
export function roomFromAddress() {
  const query = new URLSearchParams(location.search).get('room');

  return cleanRoom(decoded(location.hash.slice(1)) || query || '');
}

// Writes the room into the address without a new history entry.
export function showRoomInAddress(room) {
  const url = new URL(location.href);

  url.searchParams.delete('room');
  url.hash = encodeURIComponent(room);
  history.replaceState(null, '', url);
}

// The link to hand out: no query, so that a private setting such as ?relay=1
// does not travel with it.
export function shareLink(room) {
  return `${location.origin}${location.pathname}#${encodeURIComponent(room)}`;
}
