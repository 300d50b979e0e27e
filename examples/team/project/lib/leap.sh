# Whether a year is a leap year: yes or no.
leap() {
    if [ $(($1 % 4)) -eq 0 ]; then echo yes; else echo no; fi
}
