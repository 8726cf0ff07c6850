package main

import (
	"crypto/rand"
	"errors"
)

// Shamir's secret sharing over the field of 256 elements, byte by byte: each share is the values of random polynomials
// at one point, which is the share's last byte; the secret is their values at 0.

func multiply(a, b byte) byte {
	var product byte
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			product ^= a
		}
		carry := a & 0x80
		a <<= 1
		if carry != 0 {
			a ^= 0x1b
		}
	}
	return product
}

func inverse(a byte) byte {
	result := byte(1)
	for range 254 { // a to the power of 255 is 1
		result = multiply(result, a)
	}
	return result
}

// split makes count shares of a secret, of which any threshold give it back.
func split(secret []byte, count, threshold int) ([][]byte, error) {
	shares := make([][]byte, count)
	for number := range shares {
		shares[number] = make([]byte, len(secret)+1)
		shares[number][len(secret)] = byte(number + 1)
	}
	polynomial := make([]byte, threshold)
	for position, value := range secret {
		if _, err := rand.Read(polynomial); err != nil {
			return nil, err
		}
		polynomial[0] = value
		for number := range shares {
			var sum byte
			for degree := threshold - 1; degree >= 0; degree-- {
				sum = multiply(sum, byte(number+1)) ^ polynomial[degree]
			}
			shares[number][position] = sum
		}
	}
	return shares, nil
}

// combine gives back the secret of which these are shares; with too few it gives something else.
func combine(shares [][]byte) ([]byte, error) {
	size := len(shares[0]) - 1
	secret := make([]byte, size)
	for mine, share := range shares {
		if len(share) != size+1 || size < 1 {
			return nil, errors.New("the keys are of different lengths")
		}
		weight := byte(1) // of Lagrange's interpolation at 0
		for other, its := range shares {
			if other == mine {
				continue
			}
			if len(its) != size+1 || its[size] == share[size] {
				return nil, errors.New("the keys are not of one set, or the same twice")
			}
			weight = multiply(weight, multiply(its[size], inverse(its[size]^share[size])))
		}
		for position := range secret {
			secret[position] ^= multiply(share[position], weight)
		}
	}
	return secret, nil
}
