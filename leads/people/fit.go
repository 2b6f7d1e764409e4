package people

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a password: as NIST SP 800-63B asks, length and no list of kinds
// of characters.
const (
	LeastPassword = 10  // characters
	MostPassword  = 256 // bytes
)

// What is wrong with a new password.
var (
	ErrShort  = errors.New("the password is too short")
	ErrLong   = errors.New("the password is too long")
	ErrCommon = errors.New("the password is one of those that are tried first")
	ErrLogin  = errors.New("the password holds the login")
)

// Fit says what is wrong with a new password of a person: ErrShort, ErrLong,
// ErrCommon, ErrLogin; nil: nothing.
func (r *Register) Fit(login, password string) error {
	lower := strings.ToLower(string(plain(password)))
	switch {
	case len(password) > MostPassword:
		return ErrLong
	case utf8.RuneCount(plain(password)) < LeastPassword:
		return ErrShort
	case isNamed(lower, login):
		return ErrLogin
	case isCommon(lower):
		return ErrCommon
	}
	return nil
}

// isNamed says whether a password is hardly more than the login.
func isNamed(lower, login string) bool {
	rest := strings.ReplaceAll(lower, strings.ToLower(login), "")
	return login != "" && len(rest) < len(lower) && (utf8.RuneCountInString(rest) < LeastPassword/2 || strings.IndexFunc(rest, unicode.IsLetter) < 0)
}

// isCommon says whether a password is made as those are that stand at the head
// of every list of stolen ones: one thing again and again, a walk along the keys or
// through the alphabet, or a word that comes to everybody's mind with a few
// digits.
func isCommon(lower string) bool {
	return repeats(lower) || walks(lower) || isWord(lower)
}

// repeats says whether it is one piece of at most four characters again and again.
func repeats(lower string) bool {
	letters := []rune(lower)
	for size := 1; size <= 4 && size*2 <= len(letters); size++ {
		same := true
		for i := size; i < len(letters) && same; i++ {
			same = letters[i] == letters[i-size]
		}
		if same {
			return true
		}
	}
	return false
}

// ways are along rows and columns of keys, and through the alphabet.
var ways = func() (list []string) {
	for _, way := range []string{
		"01234567890", "qwertyuiop[]asdfghjkl;'zxcvbnm,./", "qazwsxedcrfvtgbyhnujmikolp", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
		"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "abcdefghijklmnopqrstuvwxyz", "qwertzuiopasdfghjklyxcvbnm",
		"йцукенгшщзхъфывапролджэячсмитьбю", "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "zaq12wsxcde34rfvbgt56yhn", "zaqxswcdevfrbgtnhymju",
	} {
		list = append(list, way, reversed(way))
	}
	return list
}()

func reversed(s string) string {
	letters := []rune(s)
	for i, j := 0, len(letters)-1; i < j; i, j = i+1, j-1 {
		letters[i], letters[j] = letters[j], letters[i]
	}
	return string(letters)
}

// walks says whether it is no more than three pieces of such ways.
func walks(lower string) bool {
	for range 3 {
		longest := 0
		for _, way := range ways {
			n := len(lower)
			for n > longest && !strings.Contains(way, lower[:n]) {
				n--
			}
			longest = max(longest, n)
		}
		if lower = lower[longest:]; lower == "" {
			return true
		}
	}
	return false
}

// common are those that most passwords of the lists of stolen ones are made
// of, and those that are near at hand here.
var common = strings.Fields(`password passwort passw0rd p@ssw0rd pass admin administrator root user guest login welcome letmein changeme default secret
	master iloveyou loveyou princess sunshine football baseball basketball superman batman pokemon starwars monkey dragon shadow michael jordan
	computer internet samsung whatever trustno1 freedom qwerty qwertz azerty abc test testing temp asterisk freepbx ringback telephone phone
	company manager office sales support summer winter spring autumn january february march april june july august september october
	november december monday friday sunday moscow russia poland polska warszawa london america google facebook
	haslo hasło kochanie kocham mojehaslo dupa polska1 misiek bartek zaq12wsx
	пароль парольпароль админ привет любовь солнце россия москва люблю наташа марина йцукен gfhjkm ghbdtn vfrcbv yfnfif cjkysirj k.,jdm`)

// isWord says whether nothing is left but a few characters when such words and
// the digits and signs around them are taken away.
func isWord(lower string) bool {
	letters := strings.TrimFunc(strings.Map(unleet, lower), func(c rune) bool { return !unicode.IsLetter(c) })
	for _, text := range []string{lower, letters} {
		for _, word := range common {
			rest := strings.ReplaceAll(text, word, "")
			if len(rest) < len(text) && strings.IndexFunc(rest, unicode.IsLetter) < 0 {
				return true
			}
		}
	}
	return false
}

// unleet reads a digit or sign as the letter that it stands for.
func unleet(c rune) rune {
	if i := strings.IndexRune("013457@$!", c); i >= 0 {
		return rune("oieastasi"[i])
	}
	return c
}
