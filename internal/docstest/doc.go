// Package docstest holds the documentation, the examples and the layout of the packages
// against the code. It has tests alone.
package docstest
