// Package foreign checks merges of programs that are not Go: a command that reads
// requests and writes answers, one JSON object a line.
//
//	{"merge": [A, B]}     answered by   {"merged": C}
//	{"draw": [3, 0, 7]}   answered by   {"state": S, "used": 2}
//
// States are any JSON. draw asks for the state that a list of numbers makes, which the
// program reads from the front as it makes choices (0 the simplest; past the end all are
// 0), and says how many it read: so states can be drawn, spliced and made smaller without knowing what they are.
// Where examples of states are given, the program is never asked to draw. A merge that
// refuses two states answers {"error": "why"}.
//
// The package judges by the laws of package laws and trusts nothing that a program
// writes: answers are bounded in size and time, and one that is no JSON, or none at all,
// ends the check as an error and not as a law that failed.
package foreign
