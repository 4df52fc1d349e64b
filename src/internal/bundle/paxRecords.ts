/**
 * PAX records, which extend or replace the fields of a header.
 */
import { maxSeconds } from "./tarHeader.ts"
import { damaged, malformed, type Problem, sparse } from "./tarProblem.ts"

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })
const latin1 = new TextDecoder("latin1")

export type Records = ReadonlyMap<string, string>

/** PAX keys that must not contain a NUL. */
const textKeys: ReadonlySet<string> = new Set(["path", "linkpath", "uname", "gname"])

/** PAX keys that replace a header field. */
export const fieldKeys: ReadonlySet<string> = new Set([...textKeys, "size", "uid", "gid", "mtime"])

/** Records of the form `<length> <key>=<value>\n`; the length counts the bytes of the whole record. */
export const parseRecords = (data: Uint8Array, at: number): Records | Problem => {
  const records = new Map<string, string>()
  for (let start = 0; start < data.length;) {
    let space = start
    while (space < data.length && space - start < 16 && data[space] !== 0x20) space++
    const digits = latin1.decode(data.subarray(start, space))
    const length = /^\d+$/.test(digits) ? Number(digits) : 0
    const end = start + length
    const equals = data.indexOf(0x3d, space + 1)
    if (
      length < 5 ||
      end > data.length ||
      data[space] !== 0x20 ||
      data[end - 1] !== 0x0a ||
      equals <= space + 1 ||
      equals >= end - 1
    ) {
      return damaged("malformed PAX record", at)
    }
    const key = utf8.decode(data.subarray(space + 1, equals))
    const value = utf8.decode(data.subarray(equals + 1, end - 1))
    if (key.includes("\0") || (textKeys.has(key) && value.includes("\0"))) {
      return damaged(`invalid PAX record ${key}`, at)
    }
    if (records.has(key) && (key === "path" || key === "size")) {
      return malformed(`a PAX ${key} twice`)
    }
    records.set(key, value)
    start = end
  }
  return records
}

const isWholeNumber = (value: string) => /^\d+$/.test(value) && Number.isSafeInteger(Number(value))

/** A PAX time in seconds; NaN if it is invalid. */
const secondsOf = (value: string) => (/^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN)

/** Checks the values of records that replace a header field. An empty value keeps the field. */
export const problemOfRecords = (records: Records, at: number): Problem | undefined => {
  for (const [key, value] of records) {
    if (key.startsWith("GNU.sparse.")) return sparse
    if (value === "") continue
    if (key === "size" || key === "uid" || key === "gid") {
      if (!isWholeNumber(value)) {
        return damaged(`invalid PAX ${key} ${JSON.stringify(value)}`, at)
      }
    } else if (key === "mtime") {
      const seconds = secondsOf(value)
      if (Number.isNaN(seconds)) return damaged(`invalid PAX mtime ${JSON.stringify(value)}`, at)
      if (Math.abs(seconds) > maxSeconds) return damaged("mtime is out of range", at)
    }
  }
  return undefined
}
