module example.com/visits

go 1.26.0

require (
	github.com/joinery-go/joinery v0.0.0
	pgregory.net/rapid v1.3.0
)

replace github.com/joinery-go/joinery => ../../..
