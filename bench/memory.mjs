// User-space memory of a server: what its processes have made resident of
// their own (anonymous) memory and of shared memory, each page counted once.

import { readFileSync } from 'node:fs';

// A page of several processes counts for each by its part (PSS), so the sum
// over the processes of a server counts it once. Code and other files are
// left out: they do not grow with connections.
export function userMemory(pids) {
  const memory = { private: 0, shared: 0 };

  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');

    const bytes = (name) => {
      const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text);

      if (found === null) {
        throw new Error(`/proc/${pid}/smaps_rollup has no ${name}`);
      }

      return Number(found[1]) * 1024;
    };

    memory.private += bytes('Pss_Anon');
    memory.shared += bytes('Pss_Shmem');
  }

  return memory;
}

export function perConnection(before, after, connections) {
  const own = (after.private - before.private) / connections;
  const shared = (after.shared - before.shared) / connections;

  return { private: own, shared, sum: own + shared };
}
