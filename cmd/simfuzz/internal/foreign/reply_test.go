package foreign

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Answers that are none are told in terms of JSON.
func TestAnswersThatAreNone(t *testing.T) {
	for line, says := range map[string]string{
		"[5]": "want a JSON object, not an array", "null": "want a JSON object, not null", "3": "want a JSON object, not a number",
		"true": "want a JSON object, not true or false", `"x"`: "want a JSON object, not a string",
		`{"merged": NaN}`: "NaN and Infinity are no JSON: write them as strings, say", `{"merged": -Infinity}`: "NaN and Infinity are no JSON: write them as strings, say",
		"merging": "no JSON: invalid character 'm' looking for beginning of value", "": "no JSON: unexpected end of JSON input",
		`{"error": 3}`: `its field "error" is 3: want a string`, `{"used": "2"}`: `its field "used" is "2": want a whole number`,
		`{"used": 1.5}`: `its field "used" is 1.5: want a whole number`, `{"used": null}`: `its field "used" is null: want a whole number`,
	} {
		_, err := parseReply([]byte(line))
		assert.EqualError(t, err, says, "%q", line)
	}
	r, err := parseReply([]byte(`{"merged": null, "error": null}`))
	assert.NoError(t, err)
	assert.Nil(t, r.err)
	assert.Contains(t, r.fields, "merged", "null is a state")
}
