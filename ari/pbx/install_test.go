package pbx

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestInstallTwice(t *testing.T) {
	first, err := Install(t.Context(), Asterisk22, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "") // the second needs no tools, so it uses no network either
	var said bytes.Buffer
	began := time.Now()
	second, err := Install(t.Context(), Asterisk22, &said)
	if err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("installed in %v, then in %v", first, second)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the second time took %v", took)
	}
	if said.Len() > 0 {
		t.Errorf("the second time said %q", said.String())
	}
	version, err := first.Version()
	if err != nil || !strings.HasPrefix(version, "Asterisk 22.") {
		t.Errorf("version %q, %v", version, err)
	}
}

func TestUnknownRelease(t *testing.T) {
	if _, err := Install(t.Context(), "1.4", io.Discard); err == nil {
		t.Error("installed Asterisk 1.4")
	}
}
