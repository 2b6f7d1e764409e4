package people

import (
	"errors"
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	r := &Register{}
	for password, want := range map[string]error{
		"": ErrShort, "123456789": ErrShort, "короткий": ErrShort, strings.Repeat("ż", 9): ErrShort, strings.Repeat("x", MostPassword+1): ErrLong,
		"1234567890": ErrCommon, "0987654321": ErrCommon, "1111111111": ErrCommon, "abababababab": ErrCommon, "abcabcabcabc": ErrCommon, "12341234123": ErrCommon,
		"qwertyuiop": ErrCommon, "QwErTyUiOp": ErrCommon, "qwerty12345": ErrCommon, "1q2w3e4r5t": ErrCommon, "1qaz2wsx3edc": ErrCommon, "zaq12wsxcde3": ErrCommon,
		"йцукенгшщз": ErrCommon, "abcdefghij": ErrCommon, "password123": ErrCommon, "Password2026!": ErrCommon, "P@ssw0rd!!": ErrCommon, "passwordpassword": ErrCommon,
		"iloveyou12": ErrCommon, "пароль12345": ErrCommon, "Administrator1": ErrCommon, "!!!letmein!!!": ErrCommon, "ringback2026": ErrCommon, "asterisk123": ErrCommon,
		"annaanna12": ErrLogin, "Anna123456": ErrLogin, "anna.p2026": nil,
		"correct horse battery": nil, "myhovercraft": nil, "Wd9-tq.LxZ": nil, "квартира восемь": nil, "gęślą jaźń żółw": nil, "passwords are hard": nil, "summer in Moscow 7": nil,
	} {
		if got := r.Fit("anna", password); !errors.Is(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%.40q: %v, want %v", password, got, want)
		}
	}
	if got := r.Fit("Boris.Petrov", "boris.petrov1"); !errors.Is(got, ErrLogin) {
		t.Errorf("a password made of the login: %v", got)
	}
}
