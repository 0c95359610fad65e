// From rows to figures: medians, spreads, ratios, and the text of the table.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;

  return sorted.length % 2 === 1 ? sorted[half]
    : (sorted[half - 1] + sorted[half]) / 2;
}

export function spread(values) {
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    rounds: values.length
  };
}

export function rate(row) {
  return row.messages / row.server_cpu;
}

// Rounds are paired: both servers were measured within the same few seconds.
// "figure" says what of two rows is compared.
export function ratios(rows, mode, a, b, figure = rate) {
  const values = [];

  for (const row of rows.filter((r) => r.mode === mode && r.server === a)) {
    const other = rows.find((r) => r.mode === mode && r.server === b
                                   && r.round === row.round);

    if (other !== undefined) {
      values.push(figure(row) / figure(other));
    }
  }

  return values.length === 0 ? null : spread(values);
}

// Those goals that have been measured, as lines of the last table.
export function goalLines(goals, rows, label) {
  return goals.flatMap(({ mode, what, other, least }) => {
    const value = ratios(rows, mode, 'ours', other);

    return value === null ? []
      : [{ what, beside: label(other), value, least }];
  });
}

export function thousands(n) {
  if (n >= 999500) {
    return `${(n / 1e6).toFixed(2)} M`;
  }

  return `${(n / 1e3).toFixed(n < 99950 ? 1 : 0)} k`;
}

export function verdict(met) {
  return met ? 'met' : 'MISSED';
}

// Columns as wide as their widest cell, the first one to the left.
export function table(rows) {
  const widths = rows[0].map((_, i) =>
    Math.max(...rows.map((row) => row[i].length)));

  return rows.map((row) => row.map((cell, i) =>
    i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))
    .join('   ').trimEnd()).join('\n');
}

// One line of the last table. "value" is a spread, "least" or "most" what is
// required of its median, if anything is.
export function requirementRow({ what, beside, value, least, most,
                                 format = (n) => n.toFixed(2) }) {
  const required = least ?? most;

  return [
    what,
    beside,
    format(value.median),
    `${format(value.min)} - ${format(value.max)}`,
    required === undefined ? ''
      : `${least === undefined ? '<=' : '>='} ${format(required)}`,
    required === undefined ? '' : verdict(isMet({ value, least, most }))
  ];
}

export function isMet({ value, least, most }) {
  return (least === undefined || value.median >= least)
    && (most === undefined || value.median <= most);
}
