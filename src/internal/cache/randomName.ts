/**
 * Random parts of names.
 */

/**
 * Random hexadecimal digits. They only make names unique and protect no secret, so they come from
 * `Math.random`: Node's `crypto` takes several milliseconds to load, a tenth of a start.
 */
export const hexDigits = (count: number): string => {
  let digits = ""
  while (digits.length < count) {
    digits += Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0")
  }
  return digits.slice(0, count)
}
