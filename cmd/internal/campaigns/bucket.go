package campaigns

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/kvs/store/snapshot/s3bucket"
)

// bucketHelp says what names a bucket.
const bucketHelp = "a folder, or s3://BUCKET/PREFIX, with ?endpoint=URL and &region=NAME for what is not Amazon's; " +
	"credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, from ~/.aws/credentials, or from the machine's role"

// answer is how long an object store may take to answer.
const answer = 2 * time.Minute

// openBucket opens the bucket of a URL. To read one is not to make it.
func openBucket(ctx context.Context, text string, write bool) (store.Bucket, error) {
	u, err := url.Parse(text)
	switch {
	case err == nil && u.Scheme == "s3":
		return openS3(ctx, u, write)
	case err == nil && u.Scheme == "file":
		text = u.Path
	case err == nil && strings.Contains(text, "://"):
		return nil, command.Usagef("bucket %s: want %s", command.ShellWord(text), "a folder, or s3://BUCKET/PREFIX")
	}
	if !write {
		if err := isFolder(text); err != nil {
			return nil, err
		}
	}
	return snapshot.NewFolder(filepath.Clean(text), snapshot.FolderOptions{})
}

// openS3 opens a bucket in an object store.
func openS3(ctx context.Context, u *url.URL, write bool) (store.Bucket, error) {
	q := u.Query()
	endpoint, region := q.Get("endpoint"), q.Get("region")
	for name := range q {
		if name != "endpoint" && name != "region" {
			return nil, command.Usagef("bucket %s: unknown option %q, want endpoint or region", command.ShellWord(u.Redacted()), name)
		}
	}
	secure := true
	switch at, err := url.Parse(endpoint); {
	case u.User != nil:
		return nil, command.Usagef("bucket s3://%s: no credentials in a URL, which others can read: give them by the environment", u.Host)
	case endpoint == "":
		endpoint = "s3.amazonaws.com"
	case err != nil || at.Host == "" || at.Path != "" && at.Path != "/" || at.Scheme != "http" && at.Scheme != "https":
		return nil, command.Usagef("bucket s3://%s: endpoint %q, want http:// or https:// and a host", u.Host, endpoint)
	default:
		endpoint, secure = at.Host, at.Scheme == "https"
	}
	client, err := minio.New(endpoint, &minio.Options{
		Secure: secure, Region: region,
		Creds: credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}}),
	})
	if err != nil {
		return nil, fmt.Errorf("bucket s3://%s: %w", u.Host, err)
	}
	return s3bucket.Open(s3bucket.Options{
		Client: client, Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), Context: context.WithoutCancel(ctx), Timeout: answer, Unchecked: !write,
	})
}
