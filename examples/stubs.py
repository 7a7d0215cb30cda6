"""Ten simple stubs to try: supercharge generate examples/stubs.py::gcd"""


def factorial(n):
    """Return the factorial of n, the product of all integers from 1 to n."""
    raise NotImplementedError


def add(a, b):
    """Return the sum of a and b."""
    raise NotImplementedError


def is_even(n):
    """Return True if the integer n is even, False otherwise."""
    raise NotImplementedError


def reverse_string(s):
    """Return the string s reversed."""
    raise NotImplementedError


def fibonacci(n):
    """Return the n-th Fibonacci number, where fibonacci(0) is 0 and fibonacci(1) is 1."""
    raise NotImplementedError


def gcd(a, b):
    """Return the greatest common divisor of the positive integers a and b."""
    raise NotImplementedError


def count_vowels(s):
    """Return the number of vowels (a, e, i, o, u) in the string s."""
    raise NotImplementedError


def max_of_list(numbers):
    """Return the largest number in the list numbers."""
    raise NotImplementedError


def celsius_to_fahrenheit(celsius):
    """Return the temperature celsius converted from degrees Celsius to degrees Fahrenheit."""
    raise NotImplementedError


def is_palindrome(s):
    """Return True if the string s reads the same forwards and backwards, False otherwise."""
    raise NotImplementedError
