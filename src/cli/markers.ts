/**
 * The first arguments of calls that are not for people.
 */

/** Precedes the words of a command line that a shell wants to complete. */
export const completionMarker = "__complete"

/** Prints the manual page. */
export const manMarker = "__man"
