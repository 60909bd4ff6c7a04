package campaign

// ShrinkFor is [Protocol.Shrink] with about so many events at most.
var ShrinkFor = (*Protocol).shrink
