// The two views of the page, "Call" and "Check", as ARIA tabs.  A call goes
// on while the check is looked at.

const TABS = ['call', 'check'];

const tabOf = (name) => document.getElementById(`tab-${name}`);
const viewOf = (name) => document.getElementById(`view-${name}`);

export function openTab(name) {
  for (const tab of TABS) {
    const on = tab === name;

    tabOf(tab).setAttribute('aria-selected', String(on));
    tabOf(tab).tabIndex = on ? 0 : -1;
    viewOf(tab).hidden = !on;
  }
}

function onKey(ev) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[ev.key];

  if (step) {
    const at = TABS.findIndex((tab) => tabOf(tab) === ev.target);
    const next = TABS[(at + step + TABS.length) % TABS.length];

    openTab(next);
    tabOf(next).focus();
  }
}

export function setUpTabs() {
  for (const tab of TABS) {
    tabOf(tab).addEventListener('click', () => openTab(tab));
    tabOf(tab).addEventListener('keydown', onKey);
  }

  // ?tab=check opens the check at once, for a link in a mail to the admin.
  if (new URLSearchParams(location.search).get('tab') === 'check') {
    openTab('check');
  }
}
