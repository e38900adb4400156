// How alike two segmentations of a photograph are, for every number of segments.

/** The overlap of the cuts of two trees of one photograph: see `at`. */
export class Overlap {
  #trees;
  /** Pieces of the one and the other tree that share pixels, and how many: a, b, n, a, b, n, … */
  #shared = [];

  constructor(one, other) {
    this.#trees = [one, other];
    const counts = new Uint32Array((one.count + 1) * (other.count + 1));
    for (let at = 0; at < one.ids.length; at += 1) counts[one.ids[at] * (other.count + 1) + other.ids[at]] += 1;
    for (let a = 0; a < one.count; a += 1) {
      for (let b = 0; b < other.count; b += 1) {
        const pixels = counts[a * (other.count + 1) + b];
        if (pixels > 0) this.#shared.push(a, b, pixels);
      }
    }
  }

  /**
   * With `count` segments each: of every segment S the largest |S ∩ T| / |S ∪ T| with a segment T of the other, weighted by
   * the area of S; the mean of both ways. 1 is the same.
   */
  at(count) {
    const cuts = this.#trees.map((tree) => tree.segments(tree.mergesFor(count)));
    const areas = [new Map(), new Map()];
    const common = new Map();
    const add = (map, key, pixels) => map.set(key, (map.get(key) ?? 0) + pixels);
    for (let at = 0; at < this.#shared.length; at += 3) {
      const [s, t] = [cuts[0][this.#shared[at]], cuts[1][this.#shared[at + 1]]];
      const pixels = this.#shared[at + 2];
      add(areas[0], s, pixels);
      add(areas[1], t, pixels);
      add(common, s * 65536 + t, pixels);
    }
    const best = [new Map(), new Map()];
    for (const [key, pixels] of common) {
      const pair = [Math.floor(key / 65536), key % 65536];
      const share = pixels / (areas[0].get(pair[0]) + areas[1].get(pair[1]) - pixels);
      for (const side of [0, 1]) best[side].set(pair[side], Math.max(best[side].get(pair[side]) ?? 0, share));
    }
    const covering = (side) => {
      let [sum, all] = [0, 0];
      for (const [segment, area] of areas[side]) {
        sum += area * best[side].get(segment);
        all += area;
      }
      return all > 0 ? sum / all : 1;
    };
    return (covering(0) + covering(1)) / 2;
  }

  /** The number of segments, from `least` to `most`, at which the two are least alike. */
  leastAlike(least, most) {
    let found = { count: least, overlap: Infinity };
    for (let count = least; count <= most; count += 1) {
      const overlap = this.at(count);
      if (overlap < found.overlap) found = { count, overlap };
    }
    return found.count;
  }
}
