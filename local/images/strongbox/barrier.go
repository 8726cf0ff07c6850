package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
)

const (
	shareCount = 5
	threshold  = 3
)

// proof is what the first record has, under the key: whoever can read it has the right key.
const proof = "strongbox"

// barrier encrypts what goes to the disk.
type barrier struct{ cipher.AEAD }

func newBarrier(key []byte) (barrier, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return barrier{}, err
	}
	sealing, err := cipher.NewGCM(block)
	return barrier{sealing}, err
}

// seal makes one line of a text.
func (mine barrier) seal(text []byte) ([]byte, error) {
	nonce := make([]byte, mine.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	sealed := mine.AEAD.Seal(nonce, nonce, text, nil)
	return []byte(base64.StdEncoding.EncodeToString(sealed)), nil
}

func (mine barrier) open(line []byte) ([]byte, error) {
	sealed, err := base64.StdEncoding.DecodeString(string(line))
	if err != nil || len(sealed) < mine.NonceSize() {
		return nil, errors.New("a record is damaged")
	}
	return mine.AEAD.Open(nil, sealed[:mine.NonceSize()], sealed[mine.NonceSize():], nil)
}

// newKeys makes a key, and gives its barrier, its shares and the first record.
func newKeys() (barrier, []string, []byte, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return barrier{}, nil, nil, err
	}
	parts, err := split(key, shareCount, threshold)
	if err != nil {
		return barrier{}, nil, nil, err
	}
	made, err := newBarrier(key)
	if err != nil {
		return barrier{}, nil, nil, err
	}
	shares := make([]string, len(parts))
	for number, part := range parts {
		shares[number] = base64.StdEncoding.EncodeToString(part)
	}
	first, err := made.seal([]byte(proof))
	return made, shares, first, err
}

// unsealed gives the barrier that shares open, if they open the first record.
func unsealed(shares []string, first []byte) (barrier, error) {
	parts := make([][]byte, len(shares))
	for number, share := range shares {
		part, err := base64.StdEncoding.DecodeString(share)
		if err != nil {
			return barrier{}, errors.New("a key is no base64")
		}
		parts[number] = part
	}
	key, err := combine(parts)
	if err != nil {
		return barrier{}, err
	}
	made, err := newBarrier(key)
	if err != nil {
		return barrier{}, err
	}
	if text, err := made.open(first); err != nil || !bytes.Equal(text, []byte(proof)) {
		return barrier{}, errors.New("these keys do not open it")
	}
	return made, nil
}

// secret is what a record has.
type secret struct{ Name, Value string }

func (mine barrier) sealSecret(one secret) ([]byte, error) {
	text, err := json.Marshal(one)
	if err != nil {
		return nil, err
	}
	return mine.seal(text)
}

func (mine barrier) openSecret(line []byte) (secret, error) {
	var found secret
	text, err := mine.open(line)
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	return found, err
}
