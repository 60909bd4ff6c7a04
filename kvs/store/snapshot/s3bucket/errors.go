package s3bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/joinery-go/joinery/kvs/store"
)

// refused reports an answer to a PUT whose condition does not hold, or not for sure.
func refused(err error) bool {
	r := minio.ToErrorResponse(err)
	return r.StatusCode == 412 || r.Code == minio.PreconditionFailed || r.Code == "ConditionalRequestConflict"
}

// wrap says what was done, to what, what came of it, and what may help. Of the
// client's error it keeps the text, without secrets, and what errors.Is is asked for.
func (b *Bucket) wrap(op, name string, err error) error {
	head := fmt.Sprintf("%s %s in S3 bucket %s at %s", op, b.key(name), b.opts.Bucket, b.opts.Client.EndpointURL().Host)
	for _, known := range []error{
		store.ErrConflict, store.ErrCorrupt, store.ErrUnsupported, store.ErrOptions,
	} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", head, err) // of our own making
		}
	}
	text := b.scrub(err.Error())
	r := minio.ToErrorResponse(err)
	if r.Code != "" && !strings.Contains(text, r.Code) {
		text = r.Code + ": " + text
	}
	sentinel := error(nil)
	switch {
	case r.Code == minio.NoSuchKey:
		sentinel = store.ErrNoObject
	case errors.Is(err, context.DeadlineExceeded):
		sentinel = context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		sentinel = context.Canceled
	}
	if remedy := remedyOf(r, sentinel); remedy != "" {
		text += "; " + remedy
	}
	if sentinel != nil {
		return fmt.Errorf("%s: %w: %s", head, sentinel, text)
	}
	return fmt.Errorf("%s: %s", head, text)
}

// remedyOf is what may help, if anything is known to.
func remedyOf(r minio.ErrorResponse, sentinel error) string {
	switch {
	case sentinel == context.DeadlineExceeded:
		return "the store did not answer in time: raise Timeout, or look at the network"
	case sentinel != nil:
		return ""
	case r.Code == "NoSuchBucket":
		return "make the bucket first"
	case r.StatusCode == 403 || r.StatusCode == 401:
		return "the credentials of the client do not allow it"
	case r.StatusCode >= 500:
		return "the store is at fault: try again later"
	case r.StatusCode == 0:
		return "no answer came: look at the endpoint and the network"
	}
	return ""
}

// scrub takes the client's secrets out of a text.
func (b *Bucket) scrub(text string) string {
	v, err := b.opts.Client.GetCreds()
	if err != nil {
		return "the client's error is withheld, since its credentials cannot be looked for in it"
	}
	for _, secret := range []string{v.SecretAccessKey, v.SessionToken} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}
