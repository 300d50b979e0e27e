// Threads, futures, exceptions, files, clocks and parallel sorting by hand.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <mutex>
#include <numeric>
#include <random>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace fs = std::filesystem;

template <typename Iterator> void parallel_sort(Iterator first, Iterator last) {
    if (last - first < 10000) return std::sort(first, last);
    auto middle = first + (last - first) / 2;
    auto left = std::async(std::launch::async, [=] { parallel_sort(first, middle); });
    parallel_sort(middle, last);
    left.get();
    std::inplace_merge(first, middle, last);
}

int main() {
    std::mt19937 random(1);
    std::vector<unsigned> numbers(100000);
    std::generate(numbers.begin(), numbers.end(), random);
    parallel_sort(numbers.begin(), numbers.end());
    std::cout << "sorted " << std::is_sorted(numbers.begin(), numbers.end()) << " " << numbers[50000] << "\n";

    std::atomic<int> total = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 16; i++) threads.emplace_back([&] { for (int j = 0; j < 1000; j++) total++; });
    }
    std::cout << "threads " << total << "\n";

    std::mutex lock;
    std::condition_variable changed;
    bool ready = false;
    std::jthread setter([&] { std::scoped_lock held(lock); ready = true; changed.notify_all(); });
    std::unique_lock held(lock);
    std::cout << "condition " << changed.wait_for(held, std::chrono::seconds(10), [&] { return ready; }) << "\n";

    try {
        std::async(std::launch::async, [] { throw std::runtime_error("thrown in a thread"); }).get();
    } catch (const std::exception &error) { std::cout << "exception " << error.what() << "\n"; }

    fs::create_directories("tree/a/b");
    std::ofstream("tree/a/b/file") << "content";
    fs::copy("tree", "copy", fs::copy_options::recursive);
    fs::create_symlink("a", "copy/link");
    fs::rename("copy/a/b/file", "copy/moved");
    std::cout << "files " << fs::file_size("copy/moved") << " " << fs::read_symlink("copy/link") << " "
              << fs::remove_all("tree") << " " << (fs::space(".").available > 0) << "\n";
}
