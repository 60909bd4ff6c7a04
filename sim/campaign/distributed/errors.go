package distributed

import "errors"

// Errors of buckets and of what is in them.
var (
	// ErrForeign is wrapped where a bucket's head is not that of a campaign, or is damaged.
	ErrForeign = errors.New("distributed: the bucket holds something else")
	// ErrCampaign is wrapped where a bucket's campaign is of something else.
	ErrCampaign = errors.New("distributed: the bucket holds another campaign")
	// ErrFull is wrapped where a bound of a state is passed; the error says which.
	ErrFull = errors.New("distributed: the campaign is full")
	// ErrTape is wrapped where a tape is not in the bucket, or is not what its name says.
	ErrTape = errors.New("distributed: a tape is missing or damaged")
	// ErrEmpty is wrapped where a bucket that is to be read holds no campaign.
	ErrEmpty = errors.New("distributed: the bucket holds no campaign")
)

// Errors of workers.
var (
	// ErrName is wrapped where another worker of the same name is at work.
	ErrName = errors.New("distributed: another worker of this name is at work")
	// ErrBusy is wrapped where the head was changed by others through all tries.
	ErrBusy = errors.New("distributed: the bucket is changed by others all the time")
	// ErrOptions is wrapped where options describe no worker.
	ErrOptions = errors.New("distributed: invalid options")
)
