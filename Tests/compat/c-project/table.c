// A hash table of words with their counts; adding is safe from several threads.
#include "words.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *table) {
    memset(table, 0, sizeof *table);
    pthread_mutex_init(&table->lock, NULL);
}

static uint32_t hash(const char *word, size_t length) {
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < length; i++)
        value = (value ^ (unsigned char)word[i]) * 16777619u;
    return value;
}

void table_add(struct table *table, const char *word, size_t length) {
    pthread_mutex_lock(&table->lock);
    struct entry **place = &table->buckets[hash(word, length) % 1024];
    while (*place && (strncmp((*place)->word, word, length) || (*place)->word[length]))
        place = &(*place)->next;
    if (!*place) {
        *place = calloc(1, sizeof **place);
        (*place)->word = strndup(word, length);
        table->words++;
    }
    (*place)->count++;
    pthread_mutex_unlock(&table->lock);
}

static int by_count(const void *left, const void *right) {
    const struct entry *a = *(struct entry *const *)left, *b = *(struct entry *const *)right;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return strcmp(a->word, b->word);
}

struct entry **table_sorted(struct table *table) {
    struct entry **all = calloc(table->words + 1, sizeof *all);
    size_t count = 0;
    for (size_t i = 0; i < 1024; i++)
        for (struct entry *entry = table->buckets[i]; entry; entry = entry->next)
            all[count++] = entry;
    qsort(all, count, sizeof *all, by_count);
    return all;
}

void table_free(struct table *table) {
    for (size_t i = 0; i < 1024; i++) {
        struct entry *entry = table->buckets[i];
        while (entry) {
            struct entry *next = entry->next;
            free(entry->word);
            free(entry);
            entry = next;
        }
    }
}
