// The p-chart: shares of failed parts with exact binomial limits, and the rules that say "this is no chance".

export interface Group {
  total: number;
  failed: number;
}

/** Named as in ISO 7870-2 and by Nelson. */
export type Rule = "beyond" | "run" | "trend" | "near";

export interface Judged {
  /** 0 to 1; null without parts. */
  share: number | null;
  upper: number | null;
  lower: number | null;
  broken: Rule[];
}

export interface Control {
  /** Share of failed parts over all groups. */
  centre: number;
  groups: Judged[];
}

const THREE_SIGMA = 0.00135;
const TWO_SIGMA = 0.02275;
const RUN = 9;
const TREND = 6;
const EXACT_UP_TO = 400; // expected failures; beyond, the normal curve is as good

/** The least k with P(X <= k) >= chance, of X binomial. */
export function quantile(n: number, p: number, chance: number): number {
  if (p <= 0 || n === 0) return 0;
  if (p >= 1) return n;
  const mean = n * p;
  if (mean * (1 - p) > EXACT_UP_TO) {
    return Math.min(n, Math.max(0, Math.round(mean + normal(chance) * Math.sqrt(mean * (1 - p)))));
  }
  let term = (1 - p) ** n;
  let sum = term;
  let k = 0;
  while (sum < chance && k < n) {
    term *= ((n - k) / (k + 1)) * (p / (1 - p));
    sum += term;
    k += 1;
  }
  return k;
}

/** Quantiles of the normal curve that are used here. */
function normal(chance: number): number {
  const tail = Math.min(chance, 1 - chance);
  const z = tail <= THREE_SIGMA * 1.01 ? 3 : 2;
  return chance < 0.5 ? -z : z;
}

export function control(groups: readonly Group[]): Control {
  const total = groups.reduce((sum, group) => sum + group.total, 0);
  const centre = total ? groups.reduce((sum, group) => sum + group.failed, 0) / total : 0;
  const judged: Judged[] = groups.map((group) => limits(group, centre));
  const there = judged.map((_, at) => at).filter((at) => judged[at]?.share !== null);
  const mark = (places: readonly number[], rule: Rule) => {
    for (const at of places) {
      const one = judged[at];
      if (one && !one.broken.includes(rule)) one.broken.push(rule);
    }
  };
  for (const [place, at] of there.entries()) {
    const group = groups[at];
    if (group && outside(group, centre, THREE_SIGMA) !== 0) mark([at], "beyond");
    const back = (count: number) => (place + 1 >= count ? there.slice(place + 1 - count, place + 1) : []);
    if (sameSide(back(RUN), judged, centre)) mark([at], "run");
    if (steady(back(TREND), judged)) mark([at], "trend");
    if (twoOfThree(back(3), groups, centre)) mark([at], "near");
  }
  return { centre, groups: judged };
}

function limits({ total, failed }: Group, centre: number): Judged {
  if (!total) return { share: null, upper: null, lower: null, broken: [] };
  return {
    share: failed / total,
    upper: quantile(total, centre, 1 - THREE_SIGMA) / total,
    lower: quantile(total, centre, THREE_SIGMA) / total,
    broken: [],
  };
}

/** 1 above, -1 below, 0 within what chance explains. */
function outside({ total, failed }: Group, centre: number, tail: number): -1 | 0 | 1 {
  if (failed > quantile(total, centre, 1 - tail)) return 1;
  return failed < quantile(total, centre, tail) ? -1 : 0;
}

function sameSide(places: readonly number[], judged: readonly Judged[], centre: number): boolean {
  if (!places.length) return false;
  const sides = places.map((at) => Math.sign((judged[at]?.share ?? centre) - centre));
  return sides[0] !== 0 && sides.every((side) => side === sides[0]);
}

function steady(places: readonly number[], judged: readonly Judged[]): boolean {
  if (!places.length) return false;
  const shares = places.map((at) => judged[at]?.share ?? 0);
  const ways = shares.slice(1).map((share, at) => Math.sign(share - (shares[at] ?? 0)));
  return ways[0] !== 0 && ways.every((way) => way === ways[0]);
}

/** Two of three on the same side beyond two sigma, the last one of them. */
function twoOfThree(places: readonly number[], groups: readonly Group[], centre: number): boolean {
  const sides = places.map((at) => {
    const group = groups[at];
    return group ? outside(group, centre, TWO_SIGMA) : 0;
  });
  const last = sides.at(-1);
  return last !== undefined && last !== 0 && sides.filter((side) => side === last).length >= 2;
}
