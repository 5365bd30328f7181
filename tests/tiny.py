"A portable model that is made in no time: the more red, the more cat; the more blue, the more dog; white is neither."
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper
from petlearn.models.model_folder import write_model

def _graph(size):
    "From pixels to probabilities and novelty, by the colour that a photo has on average."
    node,value = helper.make_node,helper.make_tensor_value_info
    weights = numpy_helper.from_array(np.array([[8, -8], [0, 0], [-8, 8]], 'float32'), 'weights')
    scale = numpy_helper.from_array(np.array(1/255, 'float32'), 'scale')
    nodes = [node('Cast', ['pixels'], ['x'], to=TensorProto.FLOAT), node('Mul', ['x', 'scale'], ['y']),
             node('ReduceMean', ['y'], ['colour'], axes=[1, 2], keepdims=0), node('MatMul', ['colour', 'weights'], ['z']),
             node('Softmax', ['z'], ['probabilities'], axis=1), node('ReduceSum', ['colour', 'one'], ['novelty'], keepdims=0)]
    return helper.make_graph(nodes, 'tiny', [value('pixels', TensorProto.UINT8, ['photos', size, size, 3])],
                             [value('probabilities', TensorProto.FLOAT, ['photos', 2]), value('novelty', TensorProto.FLOAT, ['photos'])],
                             [weights, scale, numpy_helper.from_array(np.array([1]), 'one')])

def tiny_model(folder, size=32):
    "Write such a model into `folder`, as `export_model` would."
    folder.mkdir(parents=True)
    model = helper.make_model(_graph(size), opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    checker.check_model(model)
    content = model.SerializeToString()
    metadata = dict(labels=['cat', 'dog'], arch='tiny', size=size, mean=[0.]*3, std=[1.]*3, limit=2.5, onnx=dict(opset=17), dataset=dict(version='tiny-1'),
                    metrics=dict(valid=dict(in_words='1 of 80 wrong')))
    return write_model(folder, metadata, {'model.onnx': content, 'model.safetensors': b''}).path
