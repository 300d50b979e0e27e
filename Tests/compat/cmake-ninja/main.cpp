#include "greeting-text.h"
#include <iostream>
#include <thread>

int main(int count, char **arguments) {
    if (count < 2) return 1;
    std::thread([&] { std::cout << greeting() << " " << arguments[1] << "\n"; }).join();
}
