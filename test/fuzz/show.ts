import type { Sample } from "./sample.ts"

export const table = (figures: ReadonlyArray<readonly [what: string, figure: number]>): string =>
  figures.map(([what, figure]) => `${what.padEnd(62)}${figure}`).join("\n")

/** The part that all findings of one cause have in common. */
export const kind = (what: string): string =>
  what.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\d+/g, "#")

const row = (bytes: Uint8Array, at: number) => {
  const part = bytes.subarray(at, at + 16)
  const hex = [...part].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")
  const text = [...part].map((byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."
  )
  return `${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text.join("")}`
}

/** Rows of bytes, except those with only zeros. */
const dump = (bytes: Uint8Array) =>
  Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) => i * 16)
    .filter((at) => bytes.subarray(at, at + 16).some((byte) => byte !== 0))
    .map((at) => row(bytes, at))
    .slice(0, 80)
    .join("\n")

export const archive = ({ bytes, framing, tar }: Sample): string =>
  framing === "plain"
    ? `tar of ${tar.length} bytes, the rows of zeros left out:\n${dump(tar)}`
    : `gzip of ${bytes.length} bytes (${framing}):\n${dump(bytes)}`
