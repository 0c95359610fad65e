// Copyright (C) The ngx_signaling authors
//
// One cell of the matrix, in a process of its own, since TLS and the binary
// are those of the environment:
//
//     TLS=1 node cell.mjs NAME idle|load WORKERS SEED
//
// Its last line is JSON: how many messages have arrived, and notes.

import { alive } from '../processes.mjs';
import { FAULTS } from './faults.mjs';
import { Scene } from './model.mjs';

const [name, load, workers, seed] = process.argv.slice(2);
const fault = FAULTS.find((f) => f.name === name);
const scene = new Scene({
  load: load === 'load', workers: Number(workers), seed: Number(seed)
});

try {
  await fault.strike(scene);
  console.log(JSON.stringify({
    received: scene.crowd.received, notes: scene.notes
  }));
} catch (error) {
  console.log(error.stack);
  console.log(scene.crowd?.faults.slice(0, 10).join('\n'));
  process.exitCode = 1;
} finally {
  for (const { ws } of scene.crowd?.known.values() ?? []) {
    ws.terminate();
  }

  // one that has left us does not end with us

  for (const pid of [scene.ngx?.readPid?.(), scene.ngx?.pid]) {
    if (pid && alive(pid)) {
      process.kill(pid, 'SIGTERM');
    }
  }
}

process.exit();
