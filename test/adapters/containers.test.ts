import t from 'tap'
import { testContainer } from './container-contract.js'
import { LIBRARIES } from './libraries.js'

for (const library of LIBRARIES) t.test(library.title, async (t) => testContainer(t, library))
