/** Lists of numbers, most of them short. */
const insertionSortCountMax = 24;

/** Sorts the first `count` and leaves out what is there twice; gives how many are left. */
export function sortDistinct(values: Uint32Array, count: number): number {
  if (count <= insertionSortCountMax) insertionSort(values, count);
  else values.subarray(0, count).sort();
  let kept = count === 0 ? 0 : 1;
  for (let i = 1; i < count; i++) {
    if (values[i] !== values[i - 1]) values[kept++] = values[i]!;
  }
  return kept;
}

function insertionSort(values: Uint32Array, count: number): void {
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    let at = i - 1;
    for (; at >= 0 && values[at]! > value; at--) values[at + 1] = values[at]!;
    values[at + 1] = value;
  }
}
