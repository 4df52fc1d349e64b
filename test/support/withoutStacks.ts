/**
 * Errors without stacks. Passes ask for much that is not there, and to make the stack of each such error
 * takes half the time.
 */
Error.stackTraceLimit = 0
