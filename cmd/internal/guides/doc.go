// Package guides is the test of the guides of this module: the files GUIDE.md beside the
// code that they are about. Each is gone through as a reader would: in a module of one's
// own that requires this one, every block with a file's name is written as that file, and
// every command of a block of the language console is run, its output being what is shown
// below it.
//
// In what is shown, … stands for anything in a line, and a line of … alone for any lines.
// There are no other blocks, so nothing in a guide is not run. The package has no code but
// its test.
package guides
