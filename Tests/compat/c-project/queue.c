// Hands out paths to threads, each once.
#include "words.h"

const char *queue_take(struct queue *queue) {
    pthread_mutex_lock(&queue->lock);
    const char *item = queue->taken < queue->count ? queue->items[queue->taken++] : NULL;
    pthread_mutex_unlock(&queue->lock);
    return item;
}
