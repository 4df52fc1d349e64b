/**
 * One header block of a tar: v7, ustar, star or GNU. It is rejected if two readers could interpret
 * it differently.
 */
import { damaged, malformed, type Problem } from "./tarProblem.ts"

export const blockLength = 512
const permissionBits = 0o7777

/** The latest date of JavaScript, in seconds. */
export const maxSeconds = 8.64e12

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

export const isZero = (block: Uint8Array) => block[0] === 0 && block.every((byte) => byte === 0)
/** A text field, which ends at its first NUL. */
export const textAt = (block: Uint8Array, offset: number, length: number): string => {
  let end = offset
  while (end < offset + length && block[end] !== 0) end++
  return end === offset ? "" : utf8.decode(block.subarray(offset, end))
}

const startsWith = (block: Uint8Array, offset: number, text: string) => {
  for (let i = 0; i < text.length; i++) {
    if (block[offset + i] !== text.charCodeAt(i)) return false
  }
  return true
}

const isBlank = (byte: number) => byte === 0 || byte === 0x20

/** An octal number, padded with blanks and NULs; NaN for anything else. */
const octalAt = (block: Uint8Array, offset: number, length: number): number => {
  let start = offset
  let end = offset + length
  while (start < end && isBlank(block[start]!)) start++
  while (end > start && isBlank(block[end - 1]!)) end--
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = block[i]! - 0x30
    if (digit < 0 || digit > 7) return Number.NaN
    value = value * 8 + digit
  }
  return value
}

/** An octal number, or a number in base 256 as GNU tar writes it; NaN for anything else. */
const numberAt = (block: Uint8Array, offset: number, length: number): number => {
  const first = block[offset]!
  if (first < 0x80) return octalAt(block, offset, length)
  // Two's complement: a negative number is the inverse of its magnitude minus one.
  const inverse = first & 0x40 ? 0xff : 0
  let value = (first ^ inverse) & 0x7f
  for (let i = 1; i < length; i++) {
    value = value * 256 + (block[offset + i]! ^ inverse)
    if (value > Number.MAX_SAFE_INTEGER) return Number.NaN
  }
  return inverse === 0 ? value : -value - 1
}

/**
 * The checksum is the sum of the block's bytes, with the checksum field as blanks. Old writers
 * summed signed bytes.
 */
const hasValidChecksum = (block: Uint8Array, stored: number): boolean => {
  let sum = 8 * 0x20
  let high = 0
  for (let i = 0; i < blockLength; i++) {
    if (i === 148) i = 156
    const byte = block[i]!
    sum += byte
    if (byte > 0x7f) high++
  }
  return stored === sum || stored === sum - 0x100 * high
}

/** Numeric fields that every format has. */
const numericFields = [
  ["mode", 100, 8],
  ["uid", 108, 8],
  ["gid", 116, 8],
  ["size", 124, 12],
  ["mtime", 136, 12]
] as const

const allFields = [...numericFields, ["devMajor", 329, 8], ["devMinor", 337, 8]] as const

/**
 * True for blanks alone, or digits after a leading NUL: some readers read 0, others reject the
 * entry.
 */
const isUnclear = (block: Uint8Array, offset: number, length: number): boolean => {
  const end = offset + length
  let i = offset
  while (i < end && block[i] === 0x20) i++
  if (i === end) return true
  if (block[i] !== 0) return false
  while (i < end && isBlank(block[i]!)) i++
  return i < end
}
export interface RawHeader {
  readonly typeflag: string
  readonly path: string
  readonly size: number
  readonly mode: number
  readonly hasOpenStarPrefix: boolean
}

/** Reads the header block that begins at the byte `at`. */
export const parseHeader = (block: Uint8Array, at: number): RawHeader | Problem => {
  const stored = octalAt(block, 148, 8)
  if (Number.isNaN(stored)) {
    return damaged("an invalid number in the header field at offset 148", at)
  }
  if (!hasValidChecksum(block, stored)) return damaged("a header has a wrong checksum", at)
  const isUstar = startsWith(block, 257, "ustar\0")
  const isGnu = startsWith(block, 257, "ustar  \0")
  for (const [name, offset, length] of isUstar || isGnu ? allFields : numericFields) {
    const value = numberAt(block, offset, length)
    if (Number.isNaN(value)) {
      return damaged(`an invalid number in the header field at offset ${offset}`, at)
    }
    if (name === "mtime") {
      if (Math.abs(value) > maxSeconds) return damaged("mtime is out of range", at)
    } else if (value < 0) return damaged(`negative ${name}`, at)
    if ((name === "mode" || name === "size") && isUnclear(block, offset, length)) {
      return malformed(`an unclear ${name}`)
    }
  }
  let path = textAt(block, 0, 100)
  // Star has times after a shorter prefix, and marks the end of the block.
  const isStar = isUstar && startsWith(block, 508, "tar\0")
  if (isUstar) {
    const prefix = textAt(block, 345, isStar ? 131 : 155)
    if (prefix !== "") path = `${prefix}/${path}`
  }
  return {
    typeflag: String.fromCharCode(block[156]!),
    path,
    size: numberAt(block, 124, 12),
    mode: numberAt(block, 100, 8) & permissionBits,
    hasOpenStarPrefix: isStar && !block.subarray(345, 345 + 131).includes(0)
  }
}
