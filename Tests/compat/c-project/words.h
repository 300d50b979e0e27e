// Counts words of files, one thread a file: a table, a reader and a queue.
#pragma once
#include <pthread.h>
#include <stddef.h>

struct entry {
    char *word;
    size_t count;
    struct entry *next;
};

struct table {
    struct entry *buckets[1024];
    size_t words;
    pthread_mutex_t lock;
};

struct queue {
    const char **items;
    size_t count, taken;
    pthread_mutex_t lock;
};

void table_init(struct table *table);
void table_add(struct table *table, const char *word, size_t length);
struct entry **table_sorted(struct table *table);
void table_free(struct table *table);

int read_words(struct table *table, const char *path);

const char *queue_take(struct queue *queue);
