// words FILE...: the words of all files, the most frequent first.
#include "words.h"
#include <stdio.h>
#include <stdlib.h>

static struct table table;
static struct queue queue;

static void *work(void *unused) {
    const char *path;
    while ((path = queue_take(&queue)))
        if (read_words(&table, path) < 0) perror(path);
    return unused;
}

int main(int count, char **arguments) {
    table_init(&table);
    queue = (struct queue){(const char **)arguments + 1, (size_t)count - 1, 0, PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, work, NULL)) return 1;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    struct entry **all = table_sorted(&table);
    for (size_t i = 0; all[i]; i++)
        printf("%zu %s\n", all[i]->count, all[i]->word);
    free(all);
    table_free(&table);
    return 0;
}
