// A client as operators are: client-go, with bodies and answers in protobuf and a cache that fills itself by a watch
// alone. It says in JSON what it did and what went over the wire.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	protobuf  = "application/vnd.kubernetes.protobuf"
	namespace = "default"
	deadline  = 30 * time.Second
)

// report is what the test reads.
type report struct {
	Bodies     map[string]int `json:"bodies"`
	Answers    map[string]int `json:"answers"`
	Lists      int            `json:"lists"`
	WatchLists int            `json:"watchLists"`
	Events     []string       `json:"events"`
	Known      []string       `json:"known"`
	Resumed    []string       `json:"resumed"`
	TargetPort string         `json:"targetPort"`
}

// listener notes what passes: requests that are made and answered at the same time, too.
type listener struct {
	next http.RoundTripper
	lock sync.Mutex
	told *report
}

func (l *listener) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if request.Body != nil {
		l.told.Bodies[request.Header.Get("Content-Type")]++
	}
	l.told.Answers[answer.Header.Get("Content-Type")]++
	query := request.URL.Query()
	if query.Get("sendInitialEvents") == "true" {
		l.told.WatchLists++
	} else if request.Method == http.MethodGet && query.Get("watch") == "" && query.Has("limit") {
		l.told.Lists++
	}
	return answer, nil
}

func main() {
	told, err := run(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(told)
}

func run(kubeconfig string) (*report, error) {
	told := &report{Bodies: map[string]int{}, Answers: map[string]int{}}
	client, err := clientOf(kubeconfig, told)
	if err != nil {
		return nil, err
	}
	context, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	first, err := writes(context, client, told)
	if err != nil {
		return nil, err
	}
	if err := follows(context, client, told); err != nil {
		return nil, err
	}
	return told, resumes(context, client, told, first)
}

func clientOf(kubeconfig string, told *report) (*rest.RESTClient, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	config.APIPath = "/api"
	config.GroupVersion = &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.ContentType = protobuf
	config.AcceptContentTypes = protobuf
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &listener{next: next, told: told} })
	return rest.RESTClientFor(config)
}

// writes makes, reads and changes objects, and answers the first of them as it was made.
func writes(context context.Context, client *rest.RESTClient, told *report) (*corev1.ConfigMap, error) {
	first := &corev1.ConfigMap{}
	draft := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "go-a", Labels: map[string]string{"from": "go"}},
		Data:       map[string]string{"text": "naïve 日本"},
		BinaryData: map[string][]byte{"bytes": {0, 1, 254, 255}},
	}
	create := client.Post().Namespace(namespace).Resource("configmaps")
	if err := create.Body(draft).Do(context).Into(first); err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	read := &corev1.ConfigMap{}
	one := func() *rest.Request { return client.Get().Namespace(namespace).Resource("configmaps").Name("go-a") }
	if err := one().Do(context).Into(read); err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	if read.Data["text"] != draft.Data["text"] || string(read.BinaryData["bytes"]) != "\x00\x01\xfe\xff" {
		return nil, fmt.Errorf("what was read is not what was written: %v", read)
	}
	put := func(next *corev1.ConfigMap) rest.Result {
		return client.Put().Namespace(namespace).Resource("configmaps").Name("go-a").Body(next).Do(context)
	}
	changed := read.DeepCopy()
	changed.Data["text"] = "changed"
	if err := put(changed).Error(); err != nil {
		return nil, fmt.Errorf("update: %w", err)
	}
	if err := put(read).Error(); !errors.IsConflict(err) {
		return nil, fmt.Errorf("an update from an old revision is a conflict, not %v", err)
	}
	missing := client.Get().Namespace(namespace).Resource("configmaps").Name("nowhere").Do(context).Error()
	if !errors.IsNotFound(missing) {
		return nil, fmt.Errorf("what is not there is not found, not %v", missing)
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "go-service"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "go"},
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("web")}},
		},
	}
	made := &corev1.Service{}
	if err := client.Post().Namespace(namespace).Resource("services").Body(service).Do(context).Into(made); err != nil {
		return nil, fmt.Errorf("create a service: %w", err)
	}
	told.TargetPort = made.Spec.Ports[0].TargetPort.String()
	return first, nil
}

// follows keeps a cache of all ConfigMaps, as every controller does, and changes some while it does.
func follows(context context.Context, client *rest.RESTClient, told *report) error {
	source := cache.NewListWatchFromClient(client, "configmaps", namespace, fields.Everything())
	informer := cache.NewSharedIndexInformer(source, &corev1.ConfigMap{}, 0, cache.Indexers{})
	events := make(chan string, 100)
	tell := func(what string, object any) {
		if object, ok := object.(*corev1.ConfigMap); ok && object.Labels["from"] == "go" {
			events <- what + " " + object.Name
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { tell("added", object) },
		UpdateFunc: func(_, object any) { tell("changed", object) },
		DeleteFunc: func(object any) { tell("deleted", object) },
	}); err != nil {
		return err
	}
	go informer.Run(context.Done())
	if !cache.WaitForCacheSync(context.Done(), informer.HasSynced) {
		return fmt.Errorf("the cache was not filled")
	}
	for _, key := range informer.GetStore().ListKeys() {
		told.Known = append(told.Known, key)
	}
	next := func() error {
		select {
		case event := <-events:
			told.Events = append(told.Events, event)
			return nil
		case <-context.Done():
			return fmt.Errorf("after %v there was no other event", told.Events)
		}
	}
	if err := next(); err != nil {
		return err
	}
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "go-b", Labels: map[string]string{"from": "go"}}}
	resource := func(request *rest.Request) *rest.Request {
		return request.Namespace(namespace).Resource("configmaps")
	}
	if err := resource(client.Post()).Body(object).Do(context).Into(object); err != nil {
		return err
	}
	if err := next(); err != nil {
		return err
	}
	object.Data = map[string]string{"k": "v"}
	if err := resource(client.Put()).Name("go-b").Body(object).Do(context).Error(); err != nil {
		return err
	}
	if err := next(); err != nil {
		return err
	}
	if err := resource(client.Delete()).Name("go-b").Do(context).Error(); err != nil {
		return err
	}
	return next()
}

// resumes watches from an old revision on.
func resumes(context context.Context, client *rest.RESTClient, told *report, first *corev1.ConfigMap) error {
	watching, err := client.Get().Namespace(namespace).Resource("configmaps").
		Param("watch", "true").Param("resourceVersion", first.ResourceVersion).Watch(context)
	if err != nil {
		return err
	}
	defer watching.Stop()
	for len(told.Resumed) < 4 {
		select {
		case event := <-watching.ResultChan():
			object, ok := event.Object.(*corev1.ConfigMap)
			if !ok {
				return fmt.Errorf("the watch told %v", event)
			}
			told.Resumed = append(told.Resumed, fmt.Sprintf("%s %s", event.Type, object.Name))
		case <-context.Done():
			return fmt.Errorf("the watch told %v, and no more", told.Resumed)
		}
	}
	return nil
}
