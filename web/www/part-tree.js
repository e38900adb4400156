// The pieces of a photograph, and how they merge: all segmentations at once, so that the page answers the pointer itself.
//
// A region is a piece, 0 … count − 1, or count + s, which merge s made. After m merges the regions below count + m that no
// other of them holds are the segments.

export class PartTree {
  /** `ids`: the piece of every pixel, `count` where nothing shows; `merges`: the two regions of each, one after another. */
  constructor({ width, height, count, ids, merges }) {
    Object.assign(this, { width, height, count, ids, children: merges });
    this.merges = merges.length / 2;
    this.areas = new Uint32Array(count + 1);
    for (const piece of ids) this.areas[piece] += 1;
    this.shown = ids.length - this.areas[count];
    this.#order();
  }

  /** Orders the pieces so that every region is a run of them. */
  #order() {
    const { count, merges, children } = this;
    const regions = count + merges;
    this.parents = new Int32Array(regions).fill(-1);
    const sizes = new Uint32Array(regions).fill(1, 0, count);
    for (let step = 0; step < merges; step += 1) {
      const [a, b] = [children[2 * step], children[2 * step + 1]];
      this.parents[a] = this.parents[b] = count + step;
      sizes[count + step] = sizes[a] + sizes[b];
    }
    this.first = new Uint32Array(regions);
    this.ordered = new Uint32Array(count);
    let next = 0;
    // Parents come after their children: from the last on, each knows where its own run begins.
    for (let region = regions - 1; region >= 0; region -= 1) {
      if (this.parents[region] === -1) {
        this.first[region] = next;
        next += sizes[region];
      }
      const begin = this.first[region];
      if (region < count) {
        this.ordered[begin] = region;
      } else {
        const [a, b] = [children[2 * (region - count)], children[2 * (region - count) + 1]];
        this.first[a] = begin;
        this.first[b] = begin + sizes[a];
      }
    }
    this.sizes = sizes;
  }

  /** The piece at a pixel, or null where nothing shows. */
  pieceAt({ x, y }) {
    const piece = this.ids[y * this.width + x];
    return piece < this.count ? piece : null;
  }

  /** The pieces of a region. */
  pieces(region) {
    return this.ordered.subarray(this.first[region], this.first[region] + this.sizes[region]);
  }

  /** The segment of a piece after so many merges. */
  segmentOf(piece, merges) {
    const end = this.count + merges;
    let region = piece;
    while (this.parents[region] !== -1 && this.parents[region] < end) region = this.parents[region];
    return region;
  }

  /** The segments of all pieces after so many merges. */
  segments(merges) {
    return Uint32Array.from({ length: this.count }, (_, piece) => this.segmentOf(piece, merges));
  }

  /** How many merges leave so many segments, or as near to it as the tree comes. */
  mergesFor(segments) {
    return Math.min(Math.max(this.count - Math.max(segments, 1), 0), this.merges);
  }

  /** Segments that show after so many merges. */
  shownSegments(merges) {
    const found = new Set();
    for (let piece = 0; piece < this.count; piece += 1) if (this.areas[piece] > 0) found.add(this.segmentOf(piece, merges));
    return found.size;
  }

  /** Merges after which the segment of a piece is the next larger one than after `merges`; the same at the whole picture. */
  larger(piece, merges) {
    const parent = this.parents[this.segmentOf(piece, merges)];
    return parent === -1 ? merges : parent - this.count + 1;
  }

  /** Merges after which the segment of a piece is the next smaller one; the same at the piece itself. */
  smaller(piece, merges) {
    const region = this.segmentOf(piece, merges);
    return region < this.count ? merges : region - this.count;
  }

  /** The segment of every pixel, numbered in the order of appearance, as the command line numbers them. */
  labels(merges) {
    const [numbers, segments] = [new Map(), this.segments(merges)];
    return Uint16Array.from(this.ids, (piece) => {
      const segment = piece < this.count ? segments[piece] : -1;
      if (!numbers.has(segment)) numbers.set(segment, numbers.size);
      return numbers.get(segment);
    });
  }

  /** Whether another tree merges the same pieces. */
  samePieces(other) {
    const { ids } = other;
    return this.count === other.count && this.ids.length === ids.length && this.ids.every((piece, at) => piece === ids[at]);
  }
}
