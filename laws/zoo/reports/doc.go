// Package reports holds tests alone: public reports of merge defects, each written small
// and tried through a one-line door of package laws, as a user would. REPORTS.md is the log
// of what found them. They stand apart from the gallery, which they do not use, so that
// neither is built for the other.
package reports
